<?php

// A PHP application that publishes each note to the browsers. Run it with: php -S 127.0.0.1:3000 index.php

require __DIR__ . '/FayePublisher.php';

$faye = getenv('FAYE_URL') ?: 'http://127.0.0.1:8000/faye';
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
$secret = getenv('FAYE_PUSH_SECRET');
if ($secret === false) {
    http_response_code(500);
    exit("Set FAYE_PUSH_SECRET.\n");
}

if ($_SERVER['REQUEST_METHOD'] === 'GET' && $path === '/') {
    header('Content-Type: text/html; charset=utf-8');
    exit(str_replace('{{faye}}', $faye, file_get_contents(__DIR__ . '/../page/index.html')));
}
header('Content-Type: text/plain');
if ($_SERVER['REQUEST_METHOD'] !== 'POST' || $path !== '/notes') {
    http_response_code(404);
    exit("Not found.\n");
}
if (!is_string($_POST['text'] ?? null)) {
    http_response_code(400);
    exit("The field text is missing.\n");
}
try {
    (new FayePublisher($faye, $secret))->publish('/notes', ['text' => $_POST['text']]);
    http_response_code(204);
} catch (RuntimeException | JsonException $error) {
    error_log("publish failed: {$error->getMessage()}");
    http_response_code(502);
    echo "The note could not be published.\n";
}
